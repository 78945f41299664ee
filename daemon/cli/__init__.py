"""The `clipd` command: options, what a person sees, exit codes. The work is done by workers and the rooms below."""
