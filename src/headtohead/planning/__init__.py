"""Before anything is trained: what would be refused, and how long it should take."""
