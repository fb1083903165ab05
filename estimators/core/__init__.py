"""What estimators are: the base class, parameters, and logistic regression."""
