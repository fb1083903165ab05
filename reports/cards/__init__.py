"""What the page shows first: a card per model and task, and the figure of the topics by kind."""
