"""A provider for tests: OpenAI's wire format, faults by model name, and a bill of its own."""
