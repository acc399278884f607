using Slowrun.Bench;

return args switch
{
    ["sweep", .. var rest] => Sweep.Run(rest),
    ["step", .. var rest] => StepBench.Run(rest),
    _ => Usage(),
};

static int Usage()
{
    Console.Error.WriteLine("""
        bench sweep TEXT [demo|quick] [independent]   trains the demo's recipes on a text file, by the engine alone
        bench step [SIZE] [--steps N] [--slots N]     times training steps
        """);
    return 2;
}
