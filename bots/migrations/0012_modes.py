from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("bots", "0011_edge_gate"),
    ]

    operations = [
        migrations.AlterField(
            model_name="account",
            name="mode",
            field=models.CharField(
                choices=[("paper", "paper"), ("sandbox", "sandbox"), ("live", "live")], default="paper", max_length=8
            ),
        ),
    ]
