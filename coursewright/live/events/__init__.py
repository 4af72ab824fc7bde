"""Events of learning platforms, xAPI statements and Caliper events, in and out."""
