"""What models cost: the table, and the cost of a call."""
