"""What tests of the API share: an app over tables filled by hand, its routes, callers of every role, a client of MCP."""
