"""What is kept: request, response, failure, prediction; the run folder, its digests, the journal."""
