"""HTTP endpoints: requests with deadline, retries and budget, and the validation of replies."""
