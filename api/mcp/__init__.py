"""The Model Context Protocol at /mcp: tools by which programs that speak with people read runs. Each asks the one query that
answers the question, and cuts its answer to what such a program can take: one or two thousand tokens."""
