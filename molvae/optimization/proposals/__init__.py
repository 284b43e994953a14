"""Where candidate molecules come from."""
