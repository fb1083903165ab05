"""HTTP endpoints: one request with its deadline, retries and budget, and what counts as a reply."""
