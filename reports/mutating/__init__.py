"""Mutation testing: small faults are put into the code, and the tests have to find them."""
