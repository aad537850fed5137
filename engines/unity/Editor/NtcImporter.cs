using System;
using System.IO;
using UnityEditor.AssetImporters;
using UnityEngine;

/// <summary>Imports `.ntcwords`, with the `.json` beside it, as an NtcMaterial.</summary>
[ScriptedImporter(1, "ntcwords")]
public sealed class NtcImporter : ScriptedImporter
{
    public override void OnImportAsset(AssetImportContext context)
    {
        string description = Path.ChangeExtension(context.assetPath, ".json");
        var material = ScriptableObject.CreateInstance<NtcMaterial>();
        context.DependsOnSourceAsset(description);
        try
        {
            material.Read(File.ReadAllBytes(context.assetPath), File.ReadAllText(description));
        }
        catch (Exception error) when (error is FormatException || error is IOException)
        {
            context.LogImportError($"{context.assetPath}: {error.Message}");
            return;
        }
        context.AddObjectToAsset("material", material);
        context.SetMainObject(material);
    }
}
