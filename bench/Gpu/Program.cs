using Slowrun.Gpu;
using Slowrun.Training.Numerics;

// Called part by part by bench/gpu/run.sh: each part is a process of its own, so that one that is cut or fails costs nothing but itself.
using var bench = new Bench(args.Contains("--cpu"), args.Contains("--kernels"));
string[] words = [.. args.Where(argument => argument is not ("--cpu" or "--kernels"))];
var exit = 2;
try
{
    await WorkerThread.RunAsync(
        "bench",
        () =>
            exit = words switch
            {
                ["ceilings"] => Ceilings.Run(bench),
                ["step", var size] => StepPart.Run(bench, size),
                ["weights"] => WeightsPart.Run(bench),
                ["capture"] => CapturePart.Run(bench),
                ["hash"] => HashPart.Run(bench),
                ["train", var file] => HashPart.TrainAndWait(bench, file),
                ["resume", var file] => HashPart.Resume(bench, file),
                ["workers"] => WorkersPart.Run(bench),
                ["gradients"] => GradientPart.Run(bench),
                ["kernels"] => KernelPart.Run(bench),
                ["exports", var folder] => TransformersPart.Write(folder),
                ["sizes"] => Sizes.Print(),
                ["config", var size] => Sizes.PrintConfig(bench, size),
                ["table", var results] => ResultTable.Print(results),
                _ => Usage(),
            }
    );
}
#pragma warning disable CA1031 // Whatever it is, it ends this part alone; the script tells the last line.
catch (Exception e)
#pragma warning restore CA1031
{
    Console.Error.WriteLine(e);
    Console.Error.WriteLine(e.GetBaseException().Message.Split('\n')[0]);
    return 1;
}

return exit;

static int Usage()
{
    Console.Error.WriteLine(
        """
        Slowrun.Gpu PART [--cpu] [--kernels]: one part of bench/gpu/run.sh; prints one line of JSON.
          ceilings           matrix products and copies, as fast as the device does them
          step SIZE          a few training steps: tokens a second, memory, time by phase
          weights            initial weights drawn on the device, beside the host's
          capture            what a checkpoint's copy makes the training wait
          hash               SHA-256 of the state after three steps
                             (with --kernels both by kernels of our own)
          train FILE         two steps, the state into FILE, then on until it is killed
          resume FILE        from FILE to the third step: the same hash
          workers            the same by one, two and four workers that divide the update
          gradients          bfloat16 against float32
          kernels            kernels of our own against composed operations, and their bits
          exports DIR        folders for transformers, for bench/gpu/transformers_check.py
          sizes              the names of the sizes
          config SIZE        a size as JSON, for bench/gpu/reference.py
          table RESULTS      of the lines of JSON in RESULTS
        """
    );
    return 2;
}
