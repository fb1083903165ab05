"""What every estimator must satisfy, on synthetic questions: `apprehend check estimator`."""
