"""A deploy as a picture.

`scene.py` says what is drawn, a library where it goes (`layout.py`), `svg.py` and `page.py` what stands in the file.
"""
