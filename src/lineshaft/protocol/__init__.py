"""What stands in Redis and what the scripts do with it; pure, so that it can be read and tested without a server."""
