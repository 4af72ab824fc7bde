"""Knowledge tracers trained on logs."""
