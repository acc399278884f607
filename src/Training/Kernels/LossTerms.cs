namespace Slowrun.Training.Kernels;

/// <summary>How the losses are combined.</summary>
/// <param name="Hard">Weight of the loss of targets of a row.</param>
/// <param name="Soft">Weight of the divergence from the teacher of a row, times the square of the temperature.</param>
/// <param name="TeacherLogarithms">Whether the teacher is given as logarithms of probabilities instead of logits.</param>
internal readonly record struct LossTerms(float Softcap, double Temperature, double Hard, double Soft, bool TeacherLogarithms);
