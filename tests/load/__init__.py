"""The load driver: sends tasks with ids through every queue and accounts for each of them by id."""
