"""What an editor asks of a program: what stands where, what each name means, and who else means the same."""
