"""What is wrong with eval files beyond what keeps them from loading: one small check in each module."""
