"""What people start, as functions: run, sweep, score, leaderboard, demo."""
