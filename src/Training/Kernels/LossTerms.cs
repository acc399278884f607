namespace Slowrun.Training.Kernels;

/// <summary>How losses are put together.</summary>
/// <param name="Hard">Weight of a row's loss of targets.</param>
/// <param name="Soft">Weight of a row's divergence from the teacher, the square of the temperature in it.</param>
/// <param name="TeacherLogarithms">Whether a teacher comes as logarithms of its probabilities rather than as logits.</param>
internal readonly record struct LossTerms(float Softcap, double Temperature, double Hard, double Soft, bool TeacherLogarithms);
