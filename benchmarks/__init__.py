"""What is measured, against whom. Each script prints the table that docs quote."""
