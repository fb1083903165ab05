"""What the stored models together say about the questions: difficulty, labels, redundancy."""
