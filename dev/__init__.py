"""What only development needs; nothing that runs in production imports it."""
