"""Static pictures of figures and points, made with matplotlib; no window, no global state."""
