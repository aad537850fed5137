using System;
using System.Collections.Generic;
using System.Globalization;
using System.Text.RegularExpressions;

/// <summary>What `ntc export --to words` writes: `bricks.ntcwords` and `bricks.json`.</summary>
public static class NtcWords
{
    private const int HeaderWords = 12;
    private const int LengthWord = 10;
    private const int MostMips = 15;

    // The keys in the order in which ntc writes them.
    private const string Pattern =
        "\"sample\": \"(?<sample>\\w+)\"|\"meaning\": \"(?<meaning>[^\"]*)\",\\s*\"output\": (?<output>\\d{1,2}|null),"
        + "\\s*\"constant\": (?<constant>[-+.eE\\d]+|null),\\s*\"inverted\": (?<inverted>true|false)";

    /// <summary>The words of a material. Throws FormatException.</summary>
    public static uint[] Parse(byte[] bytes)
    {
        var words = new uint[bytes.Length / 4];
        Buffer.BlockCopy(bytes, 0, words, 0, 4 * words.Length);
        bool whole = words.Length >= HeaderWords && 4L * words[LengthWord] == bytes.Length;
        if (!whole || words[0] == 0 || words[1] == 0 || words[2] == 0 || words[2] > MostMips)
            throw new FormatException("not what `ntc export --to words` writes");
        return words;
    }

    /// <summary>
    /// For each meaning ("albedo.r", "roughness") the output of the decoder, or -1 - x where it is x everywhere.
    /// </summary>
    public static Dictionary<string, float> Outputs(string json)
    {
        var outputs = new Dictionary<string, float>();
        double largest = 1;  // sample of the map that the next channels belong to
        foreach (Match match in Regex.Matches(json, Pattern))
        {
            string meaning = match.Groups["meaning"].Value, output = match.Groups["output"].Value;
            if (match.Groups["sample"].Success)
                largest = Largest(match.Groups["sample"].Value);
            else if (output != "null")
                Add(outputs, meaning, int.Parse(output));
            else
            {
                double constant = double.Parse(match.Groups["constant"].Value, CultureInfo.InvariantCulture) / largest;
                Add(outputs, meaning, (float)(-1 - (match.Groups["inverted"].Value == "true" ? 1 - constant : constant)));
            }
        }
        return outputs;
    }

    /// <summary>The first channel with a meaning is the one.</summary>
    private static void Add(Dictionary<string, float> outputs, string meaning, float output)
    {
        if (!outputs.ContainsKey(meaning))
            outputs[meaning] = output;
    }

    private static double Largest(string sample)
    {
        return sample == "uint8" ? 255 : sample == "uint16" ? 65535 : 1;
    }
}
