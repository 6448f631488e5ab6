"""What the indexes of cards and packages state about their files, and what that proves: pure, without rows."""
