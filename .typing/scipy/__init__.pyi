# The part of scipy that apprehend uses, for the type checker (scipy ships no types).
