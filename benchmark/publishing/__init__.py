"""Results that leave the machine: bundles, their verification, and the sources of a leaderboard."""
