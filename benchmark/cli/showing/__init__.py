"""One stored question with everything that is known of it: what ``apprehend show`` prints."""
