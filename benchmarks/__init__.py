"""The measured claims: every table of the documentation comes from a command here."""
