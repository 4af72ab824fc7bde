"""Knowledge-structure learners (KSS), as published and corrected."""
