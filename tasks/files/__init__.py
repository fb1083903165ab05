"""Reading of other people's files: one reader for tables of any format."""
