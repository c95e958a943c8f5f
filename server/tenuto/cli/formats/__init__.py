"""How findings are told: one module a format, each with `render(outcome, color)`."""
