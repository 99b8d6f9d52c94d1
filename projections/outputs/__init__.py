"""The collector: says as events what runs left behind when they end, and deletes it when a person wants that."""
