using Slowrun.Bench;

return args switch
{
    ["sweep", .. var rest] => Sweep.Run(rest),
    ["step", .. var rest] => StepBench.Run(rest),
    ["soak", .. var rest] => Soak.Run(rest),
    _ => Usage(),
};

static int Usage()
{
    Console.Error.WriteLine("""
        bench sweep TEXT [PRESET] [PATH=VALUE…]       trains a preset's chains on a text file, by the engine alone
        bench step [SIZE…] [--steps N] [--slots N]    times training steps
        bench soak [STEPS]                            trains the demo's size for long and prints how much memory is held
        """);
    return 2;
}
