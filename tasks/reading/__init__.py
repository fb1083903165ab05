"""What is read out of generated text: marked values, answers, and where reasoning ends."""
