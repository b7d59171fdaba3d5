"""Parts for writers of connectors: HTTP, values on the wire, contract checks, and the partner's side in the sandbox."""
