"""What reaches the console: errors, lines, bars and tables, masked and escaped; and how option
values are read."""
