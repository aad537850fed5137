using System;
using System.Linq;
using UnityEngine;
using UnityEngine.Experimental.Rendering;

/// <summary>A material as an asset: its words, and which outputs mean what.</summary>
public sealed class NtcMaterial : ScriptableObject
{
    public string[] meanings;
    public float[] outputs;
    [HideInInspector] public uint[] words;

    private GraphicsBuffer buffer;

    public int Width => (int)words[0];
    public int Height => (int)words[1];
    public int Mips => (int)words[2];

    /// <summary>Throws FormatException.</summary>
    public void Read(byte[] bytes, string json)
    {
        words = NtcWords.Parse(bytes);
        var found = NtcWords.Outputs(json);
        meanings = found.Keys.ToArray();
        outputs = found.Values.ToArray();
    }

    /// <summary>
    /// Of the decoder; -1 - x where the channel is x everywhere. Of missing ones x is 1, but metalness is 0.
    /// </summary>
    public float Output(string meaning)
    {
        int at = Array.IndexOf(meanings, meaning);
        return at >= 0 ? outputs[at] : meaning == "metalness" ? -1 : -2;
    }

    /// <summary>For Ntc.hlsl: the words, and four outputs each for colour, normal and surface.</summary>
    public void Bind(Material material)
    {
        material.SetBuffer("ntc_words", Words());
        material.SetFloat("_NtcCount", words.Length);
        material.SetVector("_NtcColor", Four("albedo.r", "albedo.g", "albedo.b", "opacity"));
        material.SetVector("_NtcNormal", Four("normal.x", "normal.y", "normal.z", ""));
        material.SetVector("_NtcSurface", Four("ao", "roughness", "metalness", "height"));
    }

    /// <summary>A texture with all mips of up to four channels.</summary>
    public Texture2D Decode(ComputeShader shader, bool srgb, params string[] channels)
    {
        var format = srgb ? GraphicsFormat.R8G8B8A8_SRGB : GraphicsFormat.R8G8B8A8_UNorm;
        var texture = new Texture2D(Width, Height, format, Mips, TextureCreationFlags.MipChain);
        int kernel = shader.FindKernel("NtcDecode");
        var four = channels.Concat(Enumerable.Repeat("", 4)).Take(4).ToArray();
        shader.SetBuffer(kernel, "ntc_words", Words());
        shader.SetInt("_Count", words.Length);
        shader.SetVector("_Outputs", Four(four[0], four[1], four[2], four[3]));
        for (int mip = 0; mip < Mips; mip++)
        {
            int width = Math.Max(Width >> mip, 1), height = Math.Max(Height >> mip, 1);
            // A texture with the sRGB flag cannot be written by shaders; its bytes can be copied.
            var target = new RenderTexture(width, height, 0, GraphicsFormat.R8G8B8A8_UNorm);
            target.enableRandomWrite = true;
            target.Create();
            shader.SetInt("_Mip", mip);
            shader.SetTexture(kernel, "_Target", target);
            shader.Dispatch(kernel, (width + 7) / 8, (height + 7) / 8, 1);
            Graphics.CopyTexture(target, 0, 0, texture, 0, mip);
            target.Release();
        }
        return texture;
    }

    private Vector4 Four(string x, string y, string z, string w)
    {
        return new Vector4(Output(x), Output(y), Output(z), Output(w));
    }

    private GraphicsBuffer Words()
    {
        if (buffer == null)
        {
            buffer = new GraphicsBuffer(GraphicsBuffer.Target.Structured, words.Length, sizeof(uint));
            buffer.SetData(words);
        }
        return buffer;
    }

    private void OnDisable()
    {
        buffer?.Release();
        buffer = null;
    }
}
