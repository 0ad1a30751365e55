"""Raw results of one tracker + a suite -> scores: reading, conventions and metrics joined."""
