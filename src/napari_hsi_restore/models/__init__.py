"""Networks, and the specs that say what each needs and gives."""
