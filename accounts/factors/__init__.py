"""Second factors: what somebody has, beside what she knows."""
