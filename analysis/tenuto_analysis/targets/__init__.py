"""What hardware and runtimes can do, and which programs they can run."""
