"""Declaration of analyses of all stored models together, and what such an analysis is given."""
