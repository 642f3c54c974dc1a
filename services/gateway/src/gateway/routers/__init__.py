"""HTTP, websocket and SSE routes: parse, call a service, answer."""
