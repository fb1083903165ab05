# The part of scikit-learn that apprehend uses, for the type checker (it ships no types).
